"""What one frame costs on every virtual board, beside the numbers to beat: ``make bench``."""
