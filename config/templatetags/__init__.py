"""What pages say in more than one place: icons, money, numbers, moments, the menu."""
