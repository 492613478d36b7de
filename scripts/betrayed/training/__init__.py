"""How the block is trained."""
