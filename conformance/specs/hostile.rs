//! Specs that mean harm: reading one ends, changes nothing, and is told in a line.
