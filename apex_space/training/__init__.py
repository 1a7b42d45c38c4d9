"""Songs and their ratings in, checkpoints out."""
