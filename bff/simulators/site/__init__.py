"""The stand-in site's page: its files, its live diary, and the routes that serve them."""
