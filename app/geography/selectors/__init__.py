"""Every read of the tables. Views ask here and never touch a model; each function says how many queries it makes."""
