"""Folders of any size: classified, embedded and searched as a stream, and taken up again where that was interrupted."""
