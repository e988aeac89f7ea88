"""What a program or an assistant can ask of the page."""
