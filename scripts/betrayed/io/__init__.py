"""Reading and writing that knows nothing of the method: files, images, masks, progress."""
