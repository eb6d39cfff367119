"""Four eyes: what one person enters and another approves."""
