"""fleet"""
import streamlit as st
st.write("fleet")
