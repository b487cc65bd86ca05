"""Reports: tables, comparisons, regression checks, error analysis, galleries and exports."""
