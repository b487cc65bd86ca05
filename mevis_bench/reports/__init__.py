"""Reading results: tables, comparisons, verdicts, pages."""
