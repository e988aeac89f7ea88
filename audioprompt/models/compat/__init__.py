"""What it takes to get along with other people's code and machines: msclap, torchaudio's wheels, half precision."""
