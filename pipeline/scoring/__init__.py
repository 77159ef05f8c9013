"""From factor rows to scores: model files, scorecard, bands, reasons, explanations."""
