"""What the gateway sends by itself: order facts, trades and quotes to every client that is connected."""
