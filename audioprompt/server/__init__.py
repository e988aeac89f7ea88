"""What stands around the page: who may do what, sessions, limits, and what Gradio is made to do."""
