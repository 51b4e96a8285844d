"""What sees no image: what every head has to beat."""
