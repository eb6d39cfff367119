"""Who works here, on which shift, and under which ids the devices and lines know them."""
