"""What a layer is given: options that are checked, shown and saved."""
