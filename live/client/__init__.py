"""A client of the gateway, for people and programs: frames, typed errors, facts without gap or repeat."""
