"""What a trained model says of images that it was not trained on."""
