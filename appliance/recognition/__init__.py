"""What it is: names become products, hosts become assets. Pure, with its data in ``config/catalogue``."""
