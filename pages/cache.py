"""cache"""
import streamlit as st
st.write("cache")
