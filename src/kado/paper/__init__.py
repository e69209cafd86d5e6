"""A card on paper: PDF to hand over, to fold or to cut, one by one or by the thousand."""
