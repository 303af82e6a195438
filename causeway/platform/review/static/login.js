import { by } from "./dom.js";
import { post } from "./api.js";

// the token comes behind "#", which a browser keeps to itself
by("token").value = decodeURIComponent(location.hash.slice(1));
if (location.hash) history.replaceState(null, "", "/login");

by("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  by("error").textContent = "";
  try {
    await post("/api/login", { token: by("token").value, name: by("name").value });
    location.assign("/");
  } catch (error) {
    by("error").textContent = error.message;
  }
});
