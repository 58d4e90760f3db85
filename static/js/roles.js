// Roles in a group.

/** Whether I am the owner or an administrator of a chat. */
export const isAdmin = ({ role }) => ["owner", "admin"].includes(role);
