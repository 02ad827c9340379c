"""Every page of the admin site, where Django looks for them."""
