"""What runs on the PC beside a board: link, session, virtual boards, audio files, quality scores."""
