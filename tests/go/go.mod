module figure

go 1.21
