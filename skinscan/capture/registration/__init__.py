"""Where each point of one photo's skin lies in another photo."""
