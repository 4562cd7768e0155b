"""What `bff check` looks at, a file for each thing. Everything here asks and changes nothing."""
