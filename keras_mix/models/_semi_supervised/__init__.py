"""What models for labeled and unlabeled batches share."""
