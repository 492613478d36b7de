"""Attention rows clustered into tracks."""
