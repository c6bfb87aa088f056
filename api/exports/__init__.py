"""Documents that offices take away: one description of tables, evidence and notes, written in four formats."""
