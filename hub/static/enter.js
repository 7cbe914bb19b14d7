// A person's browser goes straight in; what merely previews links runs no script, so it uses up no key.
document.getElementById("enter").requestSubmit();
