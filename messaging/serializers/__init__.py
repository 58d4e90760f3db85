"""What messaging takes (`input`) and shows (`output`), by HTTP and the socket alike."""
