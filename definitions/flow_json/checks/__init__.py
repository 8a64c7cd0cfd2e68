"""What breaks the rules of Flow JSON; each module declares the rules of a part of the language and finds breaches."""
