"""What the tabs show: a folder for each, with what is worked out in Python beside the templates, styles and scripts."""
