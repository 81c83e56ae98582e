// The examples of the page. A name ending in .json is a file in docs/examples/, which the build copies here.

const json = (value) => JSON.stringify(value, null, 2);
const who = { action: "cart", cID: "5c673e6b10986b7e3cd505d1", time: "2021-10-22T16:11:48+0000" };

export const EXAMPLES = {
  "The documented example": {
    "click, with its message": {
      record: "click.json",
      message: json({ name: "Fall Sale", subject: "Fall Sale 10% Off" }),
    },
  },
  Email: {
    "open → Email Opened": { record: "email-open.json" },
    "click → Email Link Clicked": { record: "email-click.json" },
    "optout → Unsubscribed": { record: "email-optout.json" },
    "bounce → Email Bounced": { record: "email-bounce.json" },
  },
  Mobile: {
    "crdl_app_install → Application Installed": { record: "mobile-app-install.json" },
    "crdl_app_open → Application Opened": { record: "mobile-app-open.json" },
    "crdl_notification_tap → Push Notification Tapped": { record: "mobile-notification-tap.json" },
    "crdl_deep_link_open → Deep Link Opened": { record: "mobile-deep-link-open.json" },
    "crdl_notification_delivered_in_foreground → Push Notification Received": {
      record: "mobile-notification-delivered-in-foreground.json",
    },
  },
  "SMS/MMS": {
    "message_sent → message_sent": { record: "sms-message-sent.json" },
    "click → click": { record: "sms-click.json" },
  },
  REST: {
    "message_sent → message_sent": { record: "rest-message-sent.json" },
  },
  Custom: {
    "browse → browse": { record: "custom-browse.json" },
    "cart → cart": { record: "custom-cart.json" },
  },
  "Errors and blocked records": {
    "Error: a value without a JSON form": {
      record: json({ ...who, properties: { items: [{ sku: "A-1", price: 0 }] } }).replace(": 0", ": 1e999"),
    },
    "Error: a time that cannot be read": { record: json({ ...who, time: "22/10/2021 16:11" }) },
    "Collision: two places, one property": {
      record: json({ ...who, properties: { item: { price: 49.5 }, color: "red", item_price: "49.50" } }),
    },
    "Blocked: it came from Segment": { record: json({ ...who, properties: { source: "segment" } }) },
    "Blocked: by a policy": { record: "sms-click.json", policy: "policy.json" },
  },
  "As webhooks send it": {
    "Record and contact in one envelope": {
      record: json({
        contact: { _id: who.cID, channels: { email: { address: "ada@example.com" } } },
        event: { action: "browse", time: who.time, properties: { page: "Home" } },
      }),
    },
  },
};
