//! Byte links that carry CLASP frames: WebSocket, TCP, memory.
