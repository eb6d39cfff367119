"""Modbus, the part that counters need: reading registers over TCP and RTU, and knowing the rest.

Sources: MODBUS Application Protocol V1.1b3, Messaging on TCP/IP V1.0b, Serial Line V1.02;
specs/line/protocols.md 3; captures of mbpoll, modbus-serial and pymodbus.
"""
