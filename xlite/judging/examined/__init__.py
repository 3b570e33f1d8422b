"""What the doctor's checks look at: files of anyone's, each read when it is asked for, and once."""
