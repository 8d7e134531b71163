"""Loading firmware into boards: formats of image files, one module per flash tool, and the way through them."""
