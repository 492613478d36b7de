"""The spatio-temporal block, and the attention that it gives."""
