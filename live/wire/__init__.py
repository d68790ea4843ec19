"""What goes over the wire: JSON and packed records, to and from the exchange's own records of commands and facts."""
