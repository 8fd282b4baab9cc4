"""Who may log in where: the encrypted vault and the pure rules of choosing a credential."""
