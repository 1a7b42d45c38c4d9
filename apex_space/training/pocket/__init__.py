"""How the pocket judge and its preference head were trained."""
