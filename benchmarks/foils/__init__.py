"""What our pages are measured beside."""
