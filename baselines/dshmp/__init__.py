"""DsHmp: decoupled static and hierarchical motion perception."""
