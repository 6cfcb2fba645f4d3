"""leave"""
import streamlit as st
st.write("leave")
