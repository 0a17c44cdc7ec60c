"""What trainers ask for beside the pictures: buckets, configuration, command lines, a workflow to try the result in."""
