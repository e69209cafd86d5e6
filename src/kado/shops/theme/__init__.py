"""How a shop looks: what a theme is, what may be wrong with it, what it costs a visitor. Pure: no database, no net."""
