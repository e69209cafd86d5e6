"""Who hears of events: endpoints of merchants, and the deliveries to them."""
