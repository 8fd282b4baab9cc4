"""What it means: ledgers, recognition, verdicts, rates, evidence, and the store they live in."""
