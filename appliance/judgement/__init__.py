"""What it means: copies and papers become verdicts, positions, rates and findings. Pure."""
